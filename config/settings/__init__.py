"""Settings, read from the environment (and `.env`); each is explained in `.env.example`.

A wrong value stops the process at start with the variable's name.
"""

from config.logs import configure_logs
from config.no_gdal import skip_gdal
from config.settings.answers import *
from config.settings.clickhouse import *
from config.settings.environment import BASE_DIR as BASE_DIR
from config.settings.people import *
from config.settings.policies import *
from config.settings.stores import *
from config.settings.watching import *
from config.settings.web import *
from config.settings.web import LOG_LEVEL

skip_gdal()

LOGGING_CONFIG = None
configure_logs(LOG_LEVEL)
