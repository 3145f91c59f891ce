"""The admin's shared parts. Django's autodiscovery imports this package, which registers its pages."""

from common.admin import registrations as registrations
