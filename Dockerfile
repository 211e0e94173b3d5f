# The product as one image; what it does is the command: `serve --no-worker`, `worker --id NAME`, any other.
#
#   docker build -t chartbridge:0.1.0 .

FROM python:3.11.13-slim-bookworm AS build
# A compiler for the converter; nothing of it goes into the image that runs.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/chartbridge && python -m venv /opt/build
WORKDIR /source
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN /opt/chartbridge/bin/pip install --require-hashes -r requirements/runtime.txt \
    && /opt/build/bin/pip install --require-hashes -r requirements/build.txt -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY scripts/compile_converter.py scripts/
COPY src src
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/chartbridge/bin/pip install --no-deps /wheels/*.whl
# The converter as C extensions beside its Python files; where it cannot be compiled it stays as it is, and is
# slower.
RUN /opt/build/bin/python scripts/compile_converter.py \
    || /opt/build/bin/python scripts/compile_converter.py --remove
RUN cd src && find . -name '*.so' -exec cp --parents -t /opt/chartbridge/lib/python3.11/site-packages '{}' + \
    && /opt/chartbridge/bin/chartbridge --version

FROM python:3.11.13-slim-bookworm
# Numbers, so that an orchestrator can see that it is not root.
RUN groupadd --gid 10001 chartbridge \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/chartbridge chartbridge \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/chartbridge
COPY --from=build /opt/chartbridge /opt/chartbridge
ENV PATH=/opt/chartbridge/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CHARTBRIDGE_DATA_DIR=/var/lib/chartbridge \
    CHARTBRIDGE_HOST=0.0.0.0 \
    CHARTBRIDGE_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/chartbridge
VOLUME /var/lib/chartbridge
EXPOSE 8080
ENTRYPOINT ["chartbridge"]
CMD ["serve"]
