// The sound of a call by WebRTC.

/** @import {Quality, Sound, Talk} from "./call.js" */

const GATHER_MS = 1_500;
const CONNECT_MS = 8_000;

/**
 * @param {Talk} talk
 * @returns {Promise<Sound | null>} null: no way was found, such as where UDP is blocked
 */
export async function overWebRtc({ stream, iceServers, ask, ended, returning, speaker }) {
  if (!("RTCPeerConnection" in globalThis)) return null;
  const peer = new RTCPeerConnection({ iceServers });
  const [track] = stream.getAudioTracks();
  const sender = peer.addTrack(track, stream);
  const audio = new Audio();
  audio.autoplay = true;
  peer.ontrack = ({ track }) => (audio.srcObject = new MediaStream([track]));
  if (speaker) await hearOn(audio, speaker);
  try {
    await peer.setLocalDescription();
    await gathered(peer);
    const { call, sdp } = await ask({ sdp: peer.localDescription?.sdp ?? "" });
    await peer.setRemoteDescription({ type: "answer", sdp });
    if (!(await connected(peer))) {
      peer.close();
      return null;
    }
    let over = false;
    peer.onconnectionstatechange = () => {
      if (over) return;
      returning(peer.connectionState === "disconnected");
      if (["failed", "closed"].includes(peer.connectionState)) ended("lost");
    };
    /** @type {Losses} */
    let before = { received: 0, lost: 0 };
    return {
      call,
      replace: async (fresh) => sender.replaceTrack(fresh.getAudioTracks()[0]),
      hearOn: (device) => hearOn(audio, device),
      quality: async () => {
        const [now, seconds, theirs] = await measured(peer);
        const mine = lossBetween(before, now);
        before = now;
        return qualityOf(Math.max(mine, theirs), seconds);
      },
      close: () => {
        over = true;
        audio.srcObject = null;
        peer.close();
      },
    };
  } catch (error) {
    peer.close();
    throw error;
  }
}

/**
 * @param {HTMLAudioElement} audio
 * @param {string} device
 */
const hearOn = async (audio, device) => "setSinkId" in audio && (await audio.setSinkId(device));

/** @param {RTCPeerConnection} peer */
function gathered(peer) {
  // The desk takes an offer once, with all addresses that were found until then.
  return new Promise((resolve) => {
    if (peer.iceGatheringState === "complete") resolve(0);
    peer.addEventListener(
      "icegatheringstatechange",
      () => peer.iceGatheringState === "complete" && resolve(0),
    );
    setTimeout(resolve, GATHER_MS);
  });
}

/**
 * @param {RTCPeerConnection} peer
 * @returns {Promise<boolean>}
 */
function connected(peer) {
  return new Promise((resolve) => {
    const look = () => {
      if (peer.connectionState === "connected") resolve(true);
      if (["failed", "closed"].includes(peer.connectionState)) resolve(false);
    };
    peer.addEventListener("connectionstatechange", look);
    look();
    setTimeout(() => resolve(false), CONNECT_MS);
  });
}

/** @typedef {{received: number, lost: number}} Losses */

/**
 * @param {RTCPeerConnection} peer
 * @returns {Promise<[Losses, number, number]>} packets that came, the round trip in seconds, and the
 *   part of ours that the desk misses
 */
async function measured(peer) {
  let seconds = 0;
  let theirs = 0;
  let now = { received: 0, lost: 0 };
  for (const report of (await peer.getStats()).values()) {
    if (report.type === "inbound-rtp") now = { received: report.packetsReceived, lost: report.packetsLost };
    if (report.type === "remote-inbound-rtp") theirs = report.fractionLost ?? 0;
    if (report.type === "candidate-pair" && report.nominated) seconds = report.currentRoundTripTime ?? 0;
  }
  return [now, seconds, theirs];
}

/**
 * @param {Losses} before
 * @param {Losses} now
 */
function lossBetween(before, now) {
  const lost = Math.max(0, now.lost - before.lost);
  return lost / Math.max(1, lost + now.received - before.received);
}

/**
 * @param {number} loss 0 to 1
 * @param {number} seconds of a round trip
 * @returns {Quality}
 */
const qualityOf = (loss, seconds) =>
  loss < 0.03 && seconds < 0.3 ? "good" : loss < 0.1 && seconds < 0.8 ? "fair" : "poor";
