# The desk in an image: `docker compose up`, or see docs/deploy.md.

FROM python:3.11.14-slim-bookworm AS build
# The index that PyTorch documents for its CPU builds; without it the usual index decides.
ARG TORCH_INDEX=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
RUN python -m venv /opt/frontdesk
ENV PATH=/opt/frontdesk/bin:$PATH
# What changes seldom comes first: the dependencies stay in Docker's cache when the code changes.
COPY pyproject.toml constraints.txt README.md ./
RUN mkdir bot connectors models && touch bot/__init__.py connectors/__init__.py models/__init__.py \
    && pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
        --constraint constraints.txt "$(grep '^torch==' constraints.txt)" \
    && pip install --constraint constraints.txt .
COPY bot bot
COPY connectors connectors
COPY models models
RUN pip install --no-deps --force-reinstall . \
    && FRONTDESK_CACHE=/opt/frontdesk/cache python -c "from models.minilm import MiniLM; MiniLM()"

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin desk \
    && install --directory --owner=desk --group=desk --mode=0700 /data
COPY --from=build /opt/frontdesk /opt/frontdesk
ENV PATH=/opt/frontdesk/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FRONTDESK_PROJECT=/project \
    FRONTDESK_DATA=/data \
    FRONTDESK_CACHE=/opt/frontdesk/cache \
    FRONTDESK_SERVER__HOST=0.0.0.0 \
    FRONTDESK_SERVER__PORT=8000 \
    FRONTDESK_SERVER__LOG=json
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["frontdesk"]
CMD ["serve"]
