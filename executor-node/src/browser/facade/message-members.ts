import type { Members } from './facade.ts';
import { interceptionMembers } from './interception.ts';

export const requestMembers: Members = {
  ...interceptionMembers,
  hasPostData: (request) => () => request.postData() !== null,
  postData: (request) => () => request.postData() ?? undefined,
  fetchPostData: (request) => () => Promise.resolve(request.postData() ?? undefined),
  redirectChain: (request, facade) => () => {
    const chain: unknown[] = [];
    for (let from = request.redirectedFrom(); from; from = from.redirectedFrom()) {
      chain.unshift(facade.wrap(from));
    }
    return chain;
  },
};

export const responseMembers: Members = {
  buffer: (response) => () => response.body(),
  content: (response) => () => response.body(),
  remoteAddress: (response) => async () => {
    const address = await response.serverAddr();
    return { ip: address?.ipAddress, port: address?.port };
  },
};

export const fileChooserMembers: Members = {
  accept: (chooser) => (paths: string[]) => chooser.setFiles(paths),
  cancel: () => () => Promise.resolve(),
};
