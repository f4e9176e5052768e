"""A link by text message, by which a caller shows a picture: who gets one is decided in `sending`,
which ones are good is kept in `links`. The page that it opens is `connectors.picture_page`."""
