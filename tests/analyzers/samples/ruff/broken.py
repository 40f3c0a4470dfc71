def f(:
  ]
