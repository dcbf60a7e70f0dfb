"""The sizer `book`: several strategies in one account, each with a part of the capital."""
