# The image of lanyard: one static program and nothing else, not even a shell. Build it with make image, which builds the
# program first; see docs/container.md.
FROM scratch
ARG TARGETARCH=amd64
# An empty folder that the program may write to: a named volume takes its owner from here.
COPY --chown=65532:65532 .cache/image/data/ /var/lib/lanyard/
COPY .cache/image/lanyard-linux-${TARGETARCH} /lanyard
USER 65532:65532
ENV LANYARD_LISTEN=0.0.0.0:4580 LANYARD_DATA=/var/lib/lanyard SQLITE_TMPDIR=/var/lib/lanyard
EXPOSE 4580
VOLUME /var/lib/lanyard
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/lanyard", "healthcheck"]
ENTRYPOINT ["/lanyard"]
CMD ["serve"]
