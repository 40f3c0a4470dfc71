from pkg.a import f

f(1, 2)
