# The masterserver in a container. `docker run --network host -v sallyport:/var/lib/sallyport IMAGE` is the way it should run:
# with a bridge every packet seems to come from the bridge, and addresses are all that a masterserver is about.
FROM node:22-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
ENV NODE_ENV=production
WORKDIR /opt/sallyport
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist/command ./dist/command
COPY --from=build /build/dist/web ./dist/web
RUN mkdir -p /var/lib/sallyport && chown node:node /var/lib/sallyport
USER node
VOLUME /var/lib/sallyport
# 25 UDP ports from 8430 on for each address (8430 alone with --one-port), the relay's behind them, the page, nothing else.
EXPOSE 8430-8455/udp 8420/tcp
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8420/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "dist/command/cli/main.js", "master", "--state-dir", "/var/lib/sallyport"]
CMD ["--http", "0.0.0.0:8420"]
