"""Moonshines of some kilobytes with random weights, in the layout of the streaming ones.

They compute less than the real ones do, but each piece takes, gives and keeps what its like does: a
front end, an encoder, an adapter that counts from where it stands, keys and values of what was
heard, and a decoder that attends to them and to what it wrote before.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, checker, numpy_helper, parser

WIDTH = 16
HEADS = 2
WORDS = 64
END = 2

_FRONTEND = """
<ir_version: 9, opset_import: ["" : 17]>
frontend (float[1,n] audio_chunk, float[1,79] sample_buffer, int64[1] sample_len,
    float[1,16,4] conv1_buffer, float[1,32,4] conv2_buffer, int64[1] frame_count{more})
=> (float[1,t,16] features, float[1,79] sample_buffer_out, int64[1] sample_len_out,
    float[1,16,4] conv1_buffer_out, float[1,32,4] conv2_buffer_out, int64[1] frame_count_out)
{{
    hop = Constant<value = int64[1] {{320}}> ()
    zero = Constant<value = int64[1] {{0}}> ()
    one = Constant<value = int64[1] {{1}}> ()
    shape = Constant<value = int64[3] {{1, -1, 320}}> ()
    whole = Shape (audio_chunk)
    samples = Slice (whole, one, hop)
    frames = Div (samples, hop)
    end = Mul (frames, hop)
    cut = Slice (audio_chunk, zero, end, one)
    framed = Reshape (cut, shape)
    mixed = MatMul (framed, mix)
    features = Tanh (mixed)
    sample_buffer_out = Identity (sample_buffer)
    sample_len_out = Identity (sample_len)
    conv1_buffer_out = Identity (conv1_buffer)
    conv2_buffer_out = Identity (conv2_buffer)
    frame_count_out = Add (frame_count, frames)
}}
"""
_WEIGHTS = """
<ir_version: 9, opset_import: ["" : 17]>
weights () => (float[320,16] mix) { mix = Identity (mix_stored) }
"""
_ENCODER = """
<ir_version: 9, opset_import: ["" : 17]>
encoder (float[1,t,16] features) => (float[1,t,16] encoded)
{
    mixed = MatMul (features, mix)
    encoded = Tanh (mixed)
}
"""
_ADAPTER = """
<ir_version: 9, opset_import: ["" : 17]>
adapter (float[1,t,16] encoded, int64[1] pos_offset) => (float[1,t,16] memory)
{
    zero = Constant<value = int64 {0}> ()
    one = Constant<value = int64 {1}> ()
    shape = Shape (encoded)
    frames = Gather (shape, one)
    numbers = Range (zero, frames, one)
    places = Add (numbers, pos_offset)
    placed = Gather (position, places)
    mixed = MatMul (encoded, mix)
    memory = Add (mixed, placed)
}
"""
_CROSS = """
<ir_version: 9, opset_import: ["" : 17]>
cross (float[1,t,16] memory) => (float[1,1,2,t,8] k_cross, float[1,1,2,t,8] v_cross)
{
    split = Constant<value = int64[5] {1, 1, -1, 2, 8}> ()
    keys = MatMul (memory, to_key)
    heads = Reshape (keys, split)
    k_cross = Transpose<perm = [0, 1, 3, 2, 4]> (heads)
    values = MatMul (memory, to_value)
    value_heads = Reshape (values, split)
    v_cross = Transpose<perm = [0, 1, 3, 2, 4]> (value_heads)
}
"""
_DECODER = """
<ir_version: 9, opset_import: ["" : 17]>
decoder (int64[1,n] token, float[1,1,2,c,8] k_self, float[1,1,2,c,8] v_self,
    float[1,1,2,t,8] out_k_cross, float[1,1,2,t,8] out_v_cross)
=> (float[1,n,64] logits, float[1,1,2,m,8] out_k_self, float[1,1,2,m,8] out_v_self)
{
    split = Constant<value = int64[5] {1, 1, -1, 2, 8}> ()
    joined = Constant<value = int64[3] {1, -1, 16}> ()
    zero = Constant<value = int64 {0}> ()
    one = Constant<value = int64 {1}> ()
    three = Constant<value = int64 {3}> ()
    first = Constant<value = int64[1] {0}> ()
    second = Constant<value = int64[1] {1}> ()
    forbidden = Constant<value = float {-10000.0}> ()

    now_shape = Shape (token)
    now = Gather (now_shape, one)
    before_shape = Shape (k_self)
    before = Gather (before_shape, three)
    all = Add (before, now)
    rows = Range (before, all, one)
    columns = Range (zero, all, one)

    word = Gather (embedding, token)
    placed = Gather (position, rows)
    x = Add (word, placed)

    q = MatMul (x, to_query)
    q_heads = Reshape (q, split)
    query = Transpose<perm = [0, 1, 3, 2, 4]> (q_heads)
    k = MatMul (x, to_key)
    k_heads = Reshape (k, split)
    key = Transpose<perm = [0, 1, 3, 2, 4]> (k_heads)
    v = MatMul (x, to_value)
    v_heads = Reshape (v, split)
    value = Transpose<perm = [0, 1, 3, 2, 4]> (v_heads)
    out_k_self = Concat<axis = 3> (k_self, key)
    out_v_self = Concat<axis = 3> (v_self, value)

    turned = Transpose<perm = [0, 1, 2, 4, 3]> (out_k_self)
    likeness = MatMul (query, turned)
    row = Unsqueeze (rows, second)
    column = Unsqueeze (columns, first)
    later = Greater (column, row)
    later_number = Cast<to = 1> (later)
    mask = Mul (later_number, forbidden)
    masked = Add (likeness, mask)
    weights = Softmax<axis = -1> (masked)
    seen = MatMul (weights, out_v_self)
    seen_rows = Transpose<perm = [0, 1, 3, 2, 4]> (seen)
    own = Reshape (seen_rows, joined)

    cross_turned = Transpose<perm = [0, 1, 2, 4, 3]> (out_k_cross)
    cross_likeness = MatMul (query, cross_turned)
    cross_weights = Softmax<axis = -1> (cross_likeness)
    heard = MatMul (cross_weights, out_v_cross)
    heard_rows = Transpose<perm = [0, 1, 3, 2, 4]> (heard)
    sound = Reshape (heard_rows, joined)

    both = Add (own, sound)
    mixed = Add (x, both)
    hidden = Tanh (mixed)
    scores = MatMul (hidden, to_word)
    ending = Gather (end_score, rows)
    logits = Add (scores, ending)
}
"""


def streaming(folder: Path, *, split: bool = True, length: int = 12, seed: int = 5) -> Path:
    """A model that writes `length` tokens, whatever it hears; which ones depends on the sound.
    `split`: the front end's weights in a file of their own, as newer ones have them."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)

    def matrix(*shape: int, size: float = 1.0) -> np.ndarray:
        return (size * random.normal(size=shape)).astype(np.float32)

    mix = {"mix": matrix(320, WIDTH, size=2.0)}
    if split:
        more = ", float[320,16] mix"
        _save(folder / "frontend.model.ort", _FRONTEND.format(more=more), {})
        _save(folder / "frontend.weights.ort", _WEIGHTS, {"mix_stored": mix["mix"]})
    else:
        _save(folder / "frontend.ort", _FRONTEND.format(more=""), mix)
    position = matrix(2048, WIDTH, size=0.5)
    _save(folder / "encoder.ort", _ENCODER, {"mix": matrix(WIDTH, WIDTH)})
    adapter = {"mix": matrix(WIDTH, WIDTH), "position": position}
    _save(folder / "adapter.ort", _ADAPTER, adapter)
    cross = {"to_key": matrix(WIDTH, WIDTH), "to_value": matrix(WIDTH, WIDTH)}
    _save(folder / "cross_kv.ort", _CROSS, cross)
    # The end is likeliest once the text is long enough, and never before.
    end_score = np.zeros((2048, WORDS), np.float32)
    end_score[:length, [0, 1, END]] = -1000.0
    end_score[length:, END] = 1000.0
    names = ("to_query", "to_key", "to_value")
    decoder = {name: matrix(WIDTH, WIDTH, size=0.5) for name in names}
    decoder |= {
        "embedding": matrix(WORDS, WIDTH),
        "position": position,
        "to_word": matrix(WIDTH, WORDS, size=3.0),
        "end_score": end_score,
    }
    _save(folder / "decoder_kv.ort", _DECODER, decoder)
    about = {
        "encoder_dim": WIDTH, "decoder_dim": WIDTH, "depth": 1, "nheads": HEADS,
        "head_dim": WIDTH // HEADS, "vocab_size": WORDS, "bos_id": 1, "eos_id": END,
        "frame_len": 80, "total_lookahead": 0, "d_model_frontend": WIDTH, "c1": 2 * WIDTH,
        "c2": WIDTH, "max_seq_len": 448,
    }  # fmt: skip
    (folder / "streaming_config.json").write_text(json.dumps(about))
    words = [b"<unk>", b"<s>", b"</s>", *("▁" + word for word in _words())]
    spelled = [word if isinstance(word, bytes) else word.encode() for word in words]
    (folder / "tokenizer.bin").write_bytes(b"".join(bytes([len(each)]) + each for each in spelled))
    return folder


def _words() -> list[str]:
    return [f"{first}{second}" for first in "bdfglmnprst" for second in "aeiouy"][: WORDS - 3]


def _save(path: Path, text: str, weights: dict[str, np.ndarray]) -> None:
    """In onnxruntime's own format, as the real ones are."""
    model = parser.parse_model(text)
    for name, values in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    checker.check_model(model)
    assert TensorProto.FLOAT == 1
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
