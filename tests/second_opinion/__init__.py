"""Programs of others judge what our own tests judge: expressions, templates, permissions."""
