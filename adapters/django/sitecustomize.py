"""Python runs this at start because its folder is on PYTHONPATH. Whatever goes wrong, Django stays stock."""

import sys

try:
    from session_operator import finder

    finder.install()
except Exception as error:  # never break an interpreter that may have nothing to do with Django
    sys.stderr.write("session_operator: not loaded, Django stays as it is: %s: %s\n" % (type(error).__name__, error))

try:
    from session_operator import chain
except Exception as error:
    sys.stderr.write("session_operator: cannot run another sitecustomize: %s: %s\n" % (type(error).__name__, error))
else:
    chain.run("sitecustomize", __file__)
