"""What people take with them: tables of errors and the report of a month, as CSV or a sheet."""
