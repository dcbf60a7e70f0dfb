"""The sizer `policy_optimizer`: holds what a written policy asks for."""
