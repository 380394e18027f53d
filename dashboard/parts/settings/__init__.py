"""The settings of a project: what their forms take, and what they tell beside them."""
