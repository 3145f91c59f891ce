"""Commands for developers only. The app precedes django.contrib.staticfiles, whose `runserver` it extends."""
