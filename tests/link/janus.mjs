/* janus.mjs - a room of Janus' videoroom over its HTTP interface: one publishes, one subscribes. */

const ROOM = 1234;

export class Janus {
    /** @param {string} url of the interface, with /janus */
    constructor(url) {
        this.url = url;
        this.session = '';
        this.asked = 0;
    }

    /** @param {string} path @param {object} body @returns {Promise<any>} */
    async post(path, body) {
        const transaction = `t${this.asked++}`;
        const answer = await fetch(path, { method: 'POST', body: JSON.stringify({ ...body, transaction }) });
        const said = await answer.json();
        if (said.janus === 'error')
            throw new Error(`janus: ${said.error.reason}`);
        return { ...said, transaction };
    }

    /** The next event that is the one. @param {(event: any) => boolean} is */
    async event(is) {
        for (;;) {
            const event = await (await fetch(`${this.session}?maxev=1`)).json();
            if (is(event))
                return event;
        }
    }

    /** A plugin's answer to a request, its SDP with it. @param {string} handle @param {object} body @param {object} [jsep] */
    async message(handle, body, jsep) {
        const said = await this.post(handle, { janus: 'message', body, ...jsep ? { jsep } : {} });
        const event = said.janus === 'success' ? said
            : await this.event((e) => e.transaction === said.transaction && e.janus !== 'ack');
        if (event.plugindata.data.error)
            throw new Error(`janus: ${event.plugindata.data.error}`);
        return { data: event.plugindata.data, sdp: event.jsep?.sdp };
    }

    async attach() {
        const made = await this.post(this.session, { janus: 'attach', plugin: 'janus.plugin.videoroom' });
        return `${this.session}/${made.data.id}`;
    }

    /** Makes the room; `bitrate`: what publishers are told they may send, bit/s, 0: they are not told.
     * @param {number} bitrate */
    async open(bitrate) {
        this.session = `${this.url}/${(await this.post(this.url, { janus: 'create' })).data.id}`;
        await this.message(await this.attach(), { request: 'create', room: ROOM, permanent: false, publishers: 4,
            bitrate, fir_freq: 0, audiocodec: 'opus', videocodec: 'vp8' });
    }

    /** @param {string} sdp an offer @returns {Promise<string>} the answer */
    async publish(sdp) {
        this.publisher = await this.attach();
        const got = await this.message(this.publisher, { request: 'joinandconfigure', ptype: 'publisher',
            room: ROOM, display: 'lead' }, { type: 'offer', sdp });
        this.feed = got.data.id;
        return got.sdp;
    }

    /** @returns {Promise<string>} an offer, when the publisher has come through */
    async subscribe() {
        await this.event((e) => e.janus === 'webrtcup');
        this.subscriber = await this.attach();
        return (await this.message(this.subscriber, { request: 'join', ptype: 'subscriber', room: ROOM,
            streams: [{ feed: this.feed }] })).sdp;
    }

    /** @param {string} sdp the answer to the offer */
    async start(sdp) {
        await this.message(/** @type {string} */ (this.subscriber), { request: 'start', room: ROOM }, { type: 'answer', sdp });
    }
}
