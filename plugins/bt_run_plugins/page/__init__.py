"""Parts shared by all HTML pages: tables, charts, style."""
