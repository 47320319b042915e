/**
 * Runs in each document before its own scripts: what Chromium's headless shell lacks is put where the whole browser has
 * it. In the whole browser it finds everything in place. It is sent as text, so it uses nothing from outside.
 */
export function maskPage(): void {
  const scope = globalThis as any;

  /** A getter that the page cannot tell from the browser's own. */
  const replaceGetter = (prototype: object, name: string, answer: (own: unknown) => unknown): void => {
    const property = Object.getOwnPropertyDescriptor(prototype, name);
    if (!property?.get) return;
    const get = new Proxy(property.get, {
      apply: (target, self, args) => answer(Reflect.apply(target, self, args)),
    });
    Object.defineProperty(prototype, name, { ...property, get });
  };

  /** A function that says it is native. */
  const native = (name: string, answer: (...args: any[]) => unknown): unknown =>
    new Proxy(Object.defineProperty((() => {}).bind(null), 'name', { value: name }), {
      apply: (_, __, args) => answer(...args),
    });

  const addChrome = (): void => {
    if ('chrome' in scope) return;
    const started = performance.timeOrigin / 1000;
    const chrome = {
      loadTimes: native('loadTimes', () => ({
        requestTime: started,
        startLoadTime: started,
        commitLoadTime: started,
        finishDocumentLoadTime: 0,
        finishLoadTime: 0,
        firstPaintTime: 0,
        firstPaintAfterLoadTime: 0,
        navigationType: 'Other',
        wasFetchedViaSpdy: false,
        wasNpnNegotiated: false,
        npnNegotiatedProtocol: 'http/1.1',
        wasAlternateProtocolAvailable: false,
        connectionInfo: 'http/1.1',
      })),
      csi: native('csi', () => ({
        startE: Math.round(performance.timeOrigin),
        onloadT: Math.round(performance.timeOrigin),
        pageT: performance.now(),
        tran: 15,
      })),
      app: { isInstalled: false },
    };
    Object.defineProperty(scope, 'chrome', {
      value: chrome,
      writable: true,
      enumerable: true,
      configurable: false,
    });
  };

  /** The PDF viewer under its five names, which every Chrome has and the headless shell has not. */
  const addPlugins = (): void => {
    if (scope.navigator.plugins.length > 0 || !scope.PluginArray) return;
    const make = (prototype: object, members: object): any =>
      Object.create(
        prototype,
        Object.fromEntries(
          Object.entries(members).map(([name, value]) => [name, { value, enumerable: false }]),
        ),
      );
    const list = (prototype: object, all: any[], key: string): any =>
      Object.create(prototype, {
        ...Object.fromEntries(all.map((one, index) => [index, { value: one, enumerable: true }])),
        ...Object.fromEntries(all.map((one) => [one[key], { value: one, enumerable: false }])),
        length: { value: all.length },
        item: { value: native('item', (index) => all[index >>> 0] ?? null) },
        namedItem: { value: native('namedItem', (name) => all.find((one) => one[key] === name) ?? null) },
        [Symbol.iterator]: { value: native('values', () => all[Symbol.iterator]()) },
      });
    const types = ['application/pdf', 'text/pdf'].map((type) =>
      make(scope.MimeType.prototype, { type, suffixes: 'pdf', description: 'Portable Document Format' })
    );
    const names = ['PDF', 'Chrome PDF', 'Chromium PDF', 'Microsoft Edge PDF', 'WebKit built-in PDF'];
    const plugins = names.map((name) =>
      make(scope.Plugin.prototype, {
        name: name.startsWith('WebKit') ? name : `${name} Viewer`,
        filename: 'internal-pdf-viewer',
        description: 'Portable Document Format',
        length: types.length,
        0: types[0],
        1: types[1],
        item: native('item', (index) => types[index >>> 0] ?? null),
        namedItem: native('namedItem', (type) => types.find((one) => one.type === type) ?? null),
      })
    );
    for (const type of types) Object.defineProperty(type, 'enabledPlugin', { value: plugins[0] });
    const pluginArray = list(scope.PluginArray.prototype, plugins, 'name');
    const mimeTypes = list(scope.MimeTypeArray.prototype, types, 'type');
    Object.defineProperty(pluginArray, 'refresh', { value: native('refresh', () => undefined) });
    replaceGetter(scope.Navigator.prototype, 'plugins', () => pluginArray);
    replaceGetter(scope.Navigator.prototype, 'mimeTypes', () => mimeTypes);
    replaceGetter(scope.Navigator.prototype, 'pdfViewerEnabled', () => true);
  };

  /** The headless shell refuses notifications and says at the same time that it would ask. */
  const alignNotifications = (): void => {
    if (!scope.Notification || !scope.isSecureContext) return;
    replaceGetter(scope.Notification, 'permission', (own) => own === 'denied' ? 'default' : own);
  };

  /** For documents that no page-wide override reaches: frames of other sites, and windows that a page opens. */
  const dropHeadlessBrand = (): void => {
    const prototype = scope.NavigatorUAData?.prototype;
    if (!prototype) return;
    const plain = (brands: any): any =>
      brands?.some(({ brand }: any) => brand === 'HeadlessChrome')
        ? brands.filter(({ brand }: any) => brand !== 'HeadlessChrome')
        : brands;
    replaceGetter(prototype, 'brands', plain);
    const clean = (values: any): any => {
      for (const name of ['brands', 'fullVersionList']) if (values[name]) values[name] = plain(values[name]);
      return values;
    };
    for (const name of ['getHighEntropyValues', 'toJSON']) {
      prototype[name] = new Proxy(prototype[name], {
        apply: (target, self, args) => {
          const values = Reflect.apply(target, self, args);
          return values instanceof Promise ? values.then(clean) : clean(values);
        },
      });
    }
  };

  const addRoundTrip = (): void => {
    if (!scope.NetworkInformation) return;
    replaceGetter(scope.NetworkInformation.prototype, 'rtt', (own) => own === 0 ? 100 : own);
  };

  for (const mask of [addChrome, addPlugins, alignNotifications, dropHeadlessBrand, addRoundTrip]) {
    try {
      mask();
    } catch {
      // A document that is built unlike any other keeps what it has.
    }
  }
}
