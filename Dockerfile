# Both images with docker or podman, for those who prefer it to `make images`:
#   docker build --target operator -t session-operator/operator:0.1.0 .
#   docker build --target sidecar  -t session-operator/sidecar:0.1.0 .
# The content is that of `make images`, but for the base of the operator. The tests build the images of `make images` only.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
RUN apt-get update && apt-get install -y --no-install-recommends clang lld cmake make zlib1g-dev libssl-dev ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make artifacts/images/bin/operator-$(dpkg --print-architecture)/SessionOperator.Operator \
         artifacts/images/bin/sidecar-$(dpkg --print-architecture)/SessionOperator.Sidecar \
    && mkdir -p /image/app /image/adapter /image/tmp \
    && cp -r artifacts/images/bin/operator-*/. /image/app/ \
    && cp artifacts/images/bin/sidecar-*/SessionOperator.Sidecar /image/ \
    && cp -r adapters/django/session_operator adapters/django/sitecustomize.py adapters/django/usercustomize.py /image/adapter/ \
    && chmod 1777 /image/tmp

FROM mcr.microsoft.com/dotnet/runtime-deps:10.0 AS operator
COPY --from=build /image/app /app
ENV DOTNET_EnableDiagnostics=0 DOTNET_gcServer=0
USER 65532:65532
WORKDIR /app
ENTRYPOINT ["/app/SessionOperator.Operator"]

FROM scratch AS sidecar
COPY --from=build /image/tmp /tmp
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /image/adapter /adapter
COPY --from=build /image/SessionOperator.Sidecar /SessionOperator.Sidecar
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/SessionOperator.Sidecar"]
