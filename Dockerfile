# 一个镜像，所有服务；由 k8s/ 里的 command 决定启动哪一个。One image for all services; the command says which.
# 生产中请把基础镜像换成贵方仓库里的摘要（name@sha256:…）。In production, name the base image by the digest in your registry.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock requirements.runtime.lock ./
# The environment gets no pip of its own; hashes of all that is installed are in the lock.
RUN python -m venv --without-pip /opt/outreach && \
    pip --python /opt/outreach/bin/python install --no-cache-dir --require-hashes -r requirements.runtime.lock
COPY pyproject.toml ./
COPY outreach ./outreach
COPY approval_service ./approval_service
COPY sms_service ./sms_service
COPY letter_service ./letter_service
COPY gateway ./gateway
COPY carrier_simulator ./carrier_simulator
# setuptools, which builds our own wheel, comes by its hash from the lock as well.
RUN sed -n '/^setuptools==/,/[^\\]$/p' requirements.lock > requirements.build.lock && \
    pip install --no-cache-dir --require-hashes -r requirements.build.lock && \
    pip wheel --no-cache-dir --no-build-isolation --no-deps --wheel-dir /dist . && \
    pip --python /opt/outreach/bin/python install --no-cache-dir --no-deps --compile /dist/*.whl && \
    rm -r /opt/outreach/lib/python3.11/site-packages/carrier_simulator

FROM python:3.11-slim-bookworm
# What is mounted at run time has its place already, since the root filesystem is read-only.
RUN python -m pip uninstall --yes --quiet pip setuptools wheel && \
    groupadd --gid 10001 outreach && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin outreach && \
    mkdir -p /var/lib/outreach/tls /var/lib/outreach/secrets /var/lib/outreach/config /var/lib/outreach/letters \
        /var/lib/outreach/data && \
    ln -s config/callers.yaml /var/lib/outreach/callers.yaml && \
    ln -s config/webhooks.yaml /var/lib/outreach/webhooks.yaml
COPY --from=build /opt/outreach /opt/outreach
ENV PATH=/opt/outreach/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OUTREACH_STATE_DIR=/var/lib/outreach
USER 10001:10001
CMD ["outreach", "--help"]
