"""Every name that the CDK and the functions must agree on, written once.

The CDK imports this to make resources and variables, the functions to use them. It holds names and plain
numbers only: it imports nothing, so that neither side brings the other's libraries along.
"""
