"""What the pages of the admin share. Django's autodiscovery imports this package, which registers its pages."""

from common.admin import registrations as registrations
