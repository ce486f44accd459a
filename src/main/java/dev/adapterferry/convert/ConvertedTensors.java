package dev.adapterferry.convert;

import dev.adapterferry.convert.transform.TensorView;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Views under their GGUF names. Owns nothing: closing it leaves the checkpoint open. */
final class ConvertedTensors implements TensorSource {
    private final Map<String, TensorView> views;
    private final List<TensorInfo> tensors;
    private final List<String> notes;

    /** @param notes what the user should know, one sentence each */
    ConvertedTensors(Map<String, TensorView> views, List<String> notes) {
        this.views = views;
        this.notes = List.copyOf(notes);
        this.tensors = views.entrySet().stream().map(e -> new TensorInfo(e.getKey(), e.getValue().type(), e.getValue().shape())).toList();
    }

    /** The same without one tensor, and with something more to know. */
    ConvertedTensors without(String name, String note) {
        Map<String, TensorView> others = new LinkedHashMap<>(views);
        others.remove(name);
        return new ConvertedTensors(others, Stream.concat(notes.stream(), Stream.of(note)).toList());
    }

    /** What the user should know, one sentence each. */
    List<String> notes() {
        return notes;
    }

    @Override
    public List<TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        TensorView view = views.get(name);
        return view == null ? Optional.empty() : Optional.of(new TensorInfo(name, view.type(), view.shape()));
    }

    @Override
    public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        views.get(tensor.name()).read(firstRow, rows, into, offset);
    }

    @Override
    public Optional<String> identity(TensorInfo tensor) {
        return views.get(tensor.name()).identity();
    }

    @Override
    public void close() {
        // The checkpoint belongs to whoever opened it.
    }
}
