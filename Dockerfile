# Two stages: the first installs from the lock with its hashes, the second runs as nobody in particular.
# Tags name a version; pin them by digest (`docker buildx imagetools inspect`) where your registry keeps them.
ARG PYTHON=python:3.12.12-slim-bookworm
ARG DOCKER=docker:28.5.1-cli

FROM ${DOCKER} AS docker

FROM ${PYTHON} AS build
WORKDIR /build
COPY requirements.lock requirements.serve.lock ./
# Everything is hash-checked: what serves, and what builds the wheel. Compiled here: who runs it may write nothing, and a
# start that compiles takes a second and a half longer and keeps 25 MB more.
RUN python -m venv /opt/steward \
 && /opt/steward/bin/pip install --no-cache-dir --require-hashes -r requirements.serve.lock \
 && sed -n '/^setuptools==/,/^    # via/p' requirements.lock > build.txt \
 && python -m pip install --no-cache-dir --require-hashes -r build.txt
COPY pyproject.toml README.md ./
COPY bot bot
COPY commands commands
COPY adapters adapters
RUN python -m pip wheel --no-index --no-build-isolation --no-deps --wheel-dir /wheel . \
 && /opt/steward/bin/pip install --no-index --no-deps /wheel/*.whl

FROM ${PYTHON}
# The docker client and its compose plugin roll compose projects back; what they may do is decided by the Engine's address:
# see docs/how-to/run-in-a-container.md.
RUN useradd --system --uid 10001 --home-dir /var/lib/steward --create-home steward
COPY --from=docker /usr/local/bin/docker /usr/local/bin/docker
COPY --from=docker /usr/local/libexec/docker/cli-plugins/docker-compose /usr/local/libexec/docker/cli-plugins/docker-compose
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
