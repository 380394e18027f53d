"""Who somebody is: the second factor, forgotten passwords, and the doors that ask for both."""
