"""An edit becomes a proved fix: proof, combination and pull request text."""
