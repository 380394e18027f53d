"""Questions of columns on files that the tests write themselves."""
