# One image for every process: web (the default command), worker, beat, setup.

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
RUN python -m venv --without-pip /opt/venv
COPY requirements.txt requirements-otel.txt requirements-clickhouse.txt ./
RUN python -m pip --python /opt/venv/bin/python install \
    --require-hashes --only-binary :all: -r requirements.txt \
    -r requirements-otel.txt -r requirements-clickhouse.txt
COPY manage.py pyproject.toml ./
COPY analytics/ analytics/
COPY columns/ columns/
COPY config/ config/
COPY dashboard/ dashboard/
COPY ingestion/ ingestion/
COPY exchange/ exchange/
COPY notices/ notices/
COPY demo/ demo/
COPY loadtest/ loadtest/
COPY local/ local/
COPY people/ people/
COPY reporting/ reporting/
COPY tracker/ tracker/
COPY upkeep/ upkeep/
RUN SECRET_KEY=only-to-collect-files /opt/venv/bin/python manage.py collectstatic --noinput \
    && /opt/venv/bin/python -m compileall -q . \
    # What `setup` made up is read as if it stood in .env; the environment goes before it.
    && ln -s /etc/analytics/secrets.env .env

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="analytics-service" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.licenses="MIT"
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    BIND=0.0.0.0 \
    PORT=8000 \
    COLUMNS_URL=/var/lib/columns \
    EXPORTS_DIR=/var/lib/exports \
    IMPORTS_DIR=/var/lib/imports \
    QUERY_TEMP_DIR=/var/lib/query-temp \
    WORKER_HEARTBEAT_FILE=/tmp/worker.heartbeat
# The user has a name because Celery warns of one without. A volume that is mounted on the
# directory for the first time takes over its owner.
RUN groupadd --gid 10001 analytics \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin analytics \
    && install --directory --mode 0700 --owner 10001 --group 10001 /var/lib/analytics /etc/analytics /var/lib/columns /var/lib/exports /var/lib/imports /var/lib/query-temp
# The official image comes without, and nobody may write it later: each start would compile anew.
RUN python -m compileall -q -j 0 -x site-packages "$(python -c 'import os; print(os.path.dirname(os.__file__))')"
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER 10001:10001
EXPOSE 8000
# In bash, for a tenth of what a Python costs.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$PORT; printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3; read -rt 4 answer <&3; [[ $answer == *' 200 '* ]]"]
# PID 1, like celery where it is the command: each hears SIGTERM and finishes what it has in hand.
CMD ["gunicorn", "--no-control-socket", "--worker-tmp-dir", "/dev/shm", "--config", "config/gunicorn.py", "config.wsgi"]
