import os

from django.core.wsgi import get_wsgi_application
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etron.settings")
application = get_wsgi_application()

from risk_products.services.warming import warm_up  # noqa: E402 - needs the apps that the line above sets up

warm_up()
connections.close_all()  # the threads that answer have connections of their own
