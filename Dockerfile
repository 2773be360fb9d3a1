# The app alone, as a user without rights, on a disk that may be read-only.
# The very image, whatever its tag comes to mean (the sum of its index, for all processors).
FROM python:3.11.13-slim-bookworm@sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1

# The server asks nobody for its own address, as it would to print it in its welcome.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE=true

WORKDIR /app
# The very files that were tried, each known by its sum.
COPY deploy/requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY . .
USER 10001:10001

EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "streamlit_app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
