# One image for every process; the command says which (docker-compose.yml).
FROM python:3.12-slim AS build
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
COPY requirements.lock .
RUN uv venv /opt/venv && VIRTUAL_ENV=/opt/venv uv pip install --require-hashes -r requirements.lock

FROM python:3.12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /home/reckoner reckoner \
    && install -d -o reckoner -g reckoner -m 0700 /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY . .
# Static files get their final names here; the key serves this one command and stays nowhere.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LOG_FORMAT=json
RUN RECKONER_DATA_DIR=/tmp/build SECRET_KEY=only-while-building python manage.py collectstatic --noinput \
    && rm -rf /tmp/build
ENV RECKONER_DATA_DIR=/data RECKONER_HOST=0.0.0.0 \
    GRANIAN_HOST=0.0.0.0 GRANIAN_PORT=8000 GRANIAN_INTERFACE=wsgi GRANIAN_WORKERS=2 GRANIAN_BLOCKING_THREADS=32 \
    GRANIAN_WEBSOCKETS=false GRANIAN_LOG_LEVEL=error
USER reckoner
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["granian", "--respawn-failed-workers", "config.wsgi:application"]
