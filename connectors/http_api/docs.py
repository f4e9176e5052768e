"""/docs: the HTTP API's documentation, from a package's files; nothing comes from elsewhere."""

from pathlib import Path

import swagger_ui_bundle
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'"
)


def add_docs(app: FastAPI) -> None:
    folder = Path(swagger_ui_bundle.swagger_ui_path)
    app.mount("/docs/assets", StaticFiles(directory=folder))

    async def page(_: Request) -> Response:
        answer = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Frontdesk: HTTP API",
            swagger_js_url="/docs/assets/swagger-ui-bundle.js",
            swagger_css_url="/docs/assets/swagger-ui.css",
            swagger_favicon_url="/docs/assets/favicon-32x32.png",
        )
        answer.headers["content-security-policy"] = _POLICY
        return answer

    app.add_route("/docs", page, include_in_schema=False)
