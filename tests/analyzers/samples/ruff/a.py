def f(x):
    return x is "é", "\d"
