# The web process: granian's WSGI server, one worker a core. Built once, configured by environment variables.
FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
# Sphinx, which builds the documentation, stays in this layer.
COPY requirements-docs.txt .
RUN python -m venv /sphinx && /sphinx/bin/pip install --no-cache-dir --require-hashes -r requirements-docs.txt
COPY . .
RUN /sphinx/bin/python -m sphinx -q -b dirhtml -c docs/site -d /tmp/doctrees docs webroot/docs \
    && /venv/bin/python -m whitenoise.compress --quiet --no-brotli webroot
# Hashed names for the static files; the key signs nothing here and stays in this layer.
RUN SECRET_KEY=$(python -c "import secrets; print(secrets.token_urlsafe(60))") ALLOWED_HOSTS=build \
    /venv/bin/python manage.py collectstatic --noinput --verbosity 0

FROM python:3.11-slim
RUN useradd --system --uid 10001 garage
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app /app
# Where uploads lie without a bucket; mount a volume over it.
RUN mkdir -p var/uploads && chown -R garage var
USER garage
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 WEB_WORKERS=2 WEB_THREADS=4
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s CMD \
    python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)" || exit 1
CMD ["sh", "-c", "exec granian --interface wsgi --host 0.0.0.0 --port 8000 --workers $WEB_WORKERS --blocking-threads $WEB_THREADS --no-ws --workers-kill-timeout 15 config.wsgi:application"]
