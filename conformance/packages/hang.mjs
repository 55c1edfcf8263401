import { startLanyard } from "@lanyard/server";

const server = await startLanyard();
console.log(server.processId);
setInterval(() => {}, 1000);
