# Two stages: the first installs from the lock, the second runs as nobody in particular.
FROM python:3.12-slim AS build
WORKDIR /build
COPY pyproject.toml README.md requirements.lock ./
COPY bot bot
COPY commands commands
COPY adapters adapters
# The lock holds the development extra too; what the bot does not need is left out by resolving within it.
RUN python -m venv /opt/steward \
 && sed -e 's/ --hash=[^ ]*//g' -e 's/ \\$//' -e '/^    /d' requirements.lock > constraints.txt \
 && /opt/steward/bin/pip install --no-cache-dir --no-compile --constraint constraints.txt .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/steward --create-home steward
COPY --from=build /opt/steward /opt/steward
COPY config /etc/steward
ENV PATH=/opt/steward/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STEWARD_CONFIG=/etc/steward \
    STEWARD_DATABASE=sqlite:////var/lib/steward/steward.db \
    STEWARD_HOST=0.0.0.0 \
    STEWARD_PORT=8080
USER 10001
WORKDIR /var/lib/steward
VOLUME /var/lib/steward
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["steward"]
CMD ["serve"]
