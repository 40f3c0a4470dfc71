let = (
