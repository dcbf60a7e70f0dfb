"""The report `tear_sheet`: a PDF with pyfolio's sheets."""
