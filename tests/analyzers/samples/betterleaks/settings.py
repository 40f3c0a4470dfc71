who = "é"
token = "@@TOKEN@@"
