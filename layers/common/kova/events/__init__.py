"""What changed on GitHub: repositories, installations, pull requests of fixes, buttons."""
