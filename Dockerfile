# syntax=docker/dockerfile:1
# One image with the five programs. The first word of the command says which:
#
#   docker build -t coinpipe .
#   docker run --rm coinpipe coinpipe --help
#
# docker-compose.yml runs all of them.

FROM rust:1.95-slim-bookworm AS build
# The allocator's C is built by make.
RUN apt-get update \
    && apt-get install -y --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# What cargo downloads and compiles stays in BuildKit's caches, so dependencies are built once, whatever changes in the
# sources. cargo tells by a file's time whether it has changed, and the cache may be from a checkout with newer files: touch
# makes sure that everything of ours is compiled again.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=coinpipe-target,target=/src/target,sharing=locked \
    find bins migrations shared -type f -exec touch {} + \
    && cargo build --locked --profile image \
        --package coinpipe --package fetcher --package transformer --package loader --package alerter \
    && mkdir /programs \
    && cd target/image && cp coinpipe fetcher transformer loader alerter /programs/

FROM debian:bookworm-slim
# The certificates of the authorities that vouch for CoinMarketCap, mail servers and databases.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/coinpipe --shell /usr/sbin/nologin coinpipe \
    && install -d -o coinpipe -g coinpipe -m 0750 /var/lib/coinpipe
COPY --from=build /programs/ /usr/local/bin/
COPY LICENSE-APACHE LICENSE-MIT THIRD-PARTY.md /usr/share/doc/coinpipe/

# Health and metrics: the loopback of a container is of no use to anybody outside.
ENV COINPIPE__HTTP__LISTEN=0.0.0.0:9464
EXPOSE 9464
# The only place that is written to: SQLite files and the fetcher's spool. The root file system may be read-only.
WORKDIR /var/lib/coinpipe
USER 10001:10001
# SIGTERM drains; the second one ends at once.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["coinpipe", "health"]
CMD ["coinpipe"]

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="coinpipe" \
      org.opencontainers.image.description="Keeps a SQL table of CoinMarketCap quotes fresh, correct and complete" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
