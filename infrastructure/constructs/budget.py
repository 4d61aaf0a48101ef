"""The budget: operators hear when a month costs more than was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_budgets as budgets
from constructs import Construct

if TYPE_CHECKING:
    from infrastructure.configuration import Configuration

# What is told of, in percent of the budget.
_THRESHOLDS = (("FORECASTED", 100), ("ACTUAL", 80), ("ACTUAL", 100))


class Budget(Construct):
    """Of what has the deployment's tag, in all regions; it stops nothing."""

    def __init__(self, scope: Construct, id: str, *, configuration: Configuration) -> None:
        super().__init__(scope, id)
        budgets.CfnBudget(
            self,
            "Monthly",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=configuration.deployment,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(
                    amount=configuration.monthly_budget_usd, unit="USD"
                ),
                cost_filters={"TagKeyValue": [f"user:deployment${configuration.deployment}"]},
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type=kind,
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[
                        budgets.CfnBudget.SubscriberProperty(
                            subscription_type="EMAIL", address=email
                        )
                        for email in configuration.ops_emails
                    ],
                )
                for kind, percent in _THRESHOLDS
            ],
        )
