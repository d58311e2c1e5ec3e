"""The second way in: it runs where another sitecustomize comes first on the path. Installing twice changes nothing."""

import sys

try:
    from session_operator import finder

    finder.install()
except Exception as error:  # never break an interpreter that may have nothing to do with Django
    sys.stderr.write("session_operator: not loaded, Django stays as it is: %s: %s\n" % (type(error).__name__, error))

try:
    from session_operator import chain
except Exception as error:
    sys.stderr.write("session_operator: cannot run another usercustomize: %s: %s\n" % (type(error).__name__, error))
else:
    chain.run("usercustomize", __file__)
