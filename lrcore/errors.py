"""The one exception that is meant for people."""


class UserError(ValueError):
    """Bad input from outside: a file, a picture, a setting.

    Its message is one clear sentence that says what is wrong and what to do;
    the app and the command line show it as it stands, without a traceback.
    """
