"""The commands of `eventing`, grouped as its help groups them."""
