package dev.adapterferry.convert.tokenizer;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * A SentencePiece tokenizer.model: the few fields of its protocol buffer that a vocabulary needs; all others are skipped
 * by wire type. Integers are little-endian varints, floats little-endian.
 *
 * @param pieces      the vocabulary, in order of ids
 * @param unigram     true for a unigram model, false for BPE
 * @param charsmap    normalization rules in SentencePiece's compiled form, empty when there are none
 * @param dummyPrefix whether a blank is put before the text
 * @param trimsBlanks whether runs of blanks become one
 * @see <a href="https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto">sentencepiece_model.proto</a>
 */
record SentencePieceModel(List<Piece> pieces, boolean unigram, byte[] charsmap, boolean dummyPrefix, boolean trimsBlanks) {
    /**
     * One piece.
     *
     * @param text  its text, blanks as U+2581
     * @param score its score, bits as stored
     * @param type  what it is; SentencePiece's user-defined pieces count as {@link TokenType#USER_DEFINED}
     */
    record Piece(String text, float score, TokenType type) { }

    /** Tokens before the pieces, as fairseq numbers them, and behind them. */
    private static final List<Piece> FAIRSEQ_FIRST = List.of(new Piece("<s>", 0, TokenType.CONTROL), new Piece("<pad>", 0, TokenType.CONTROL), new Piece("</s>", 0, TokenType.CONTROL),
            new Piece("<unk>", 0, TokenType.UNKNOWN));
    private static final Piece FAIRSEQ_LAST = new Piece("<mask>", 0, TokenType.CONTROL);
    /** The unknown one, begin and end of a text, which stand first in the file. */
    private static final int REPLACED = 3;
    private static final TokenType[] TYPES = {TokenType.NORMAL, TokenType.NORMAL, TokenType.UNKNOWN, TokenType.CONTROL, TokenType.USER_DEFINED,
            TokenType.UNUSED, TokenType.BYTE};
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int LENGTH = 2;
    private static final int FIXED32 = 5;

    /**
     * Reads a model file.
     *
     * @throws MalformedFile  when it is no SentencePiece model
     * @throws FerryException when it cannot be read
     */
    static SentencePieceModel read(Path file) {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(file);
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file + ": " + Durable.reason(e) + ".", e);
        }
        return new Reader(file, bytes).model();
    }

    /** The pieces with the ids that they have in models trained with fairseq (XLM-RoBERTa). */
    SentencePieceModel withFairseqIds() {
        List<Piece> all = new ArrayList<>(FAIRSEQ_FIRST);
        all.addAll(pieces.subList(Math.min(REPLACED, pieces.size()), pieces.size()));
        all.add(FAIRSEQ_LAST);
        return new SentencePieceModel(List.copyOf(all), unigram, charsmap, dummyPrefix, trimsBlanks);
    }

    /** The piece for what no other one spells. */
    OptionalInt unknown() {
        return IntStream.range(0, pieces.size()).filter(id -> pieces.get(id).type() == TokenType.UNKNOWN).findFirst();
    }

    /** Pieces that stand for no text: begin and end of one, padding, and the unknown one. */
    List<TokenizerJson.AddedToken> specials() {
        return IntStream.range(0, pieces.size()).filter(id -> pieces.get(id).type() == TokenType.CONTROL || pieces.get(id).type() == TokenType.UNKNOWN)
                .mapToObj(id -> new TokenizerJson.AddedToken(id, pieces.get(id).text(), true)).toList();
    }

    /** Walks the messages; knows where it stands for the sake of error messages. */
    private static final class Reader {
        private final Path file;
        private final ByteBuffer bytes;
        private final List<Piece> pieces = new ArrayList<>();
        private boolean unigram = true;
        private boolean described;
        private byte[] charsmap = {};
        private boolean dummyPrefix = true;
        private boolean trimsBlanks = true;

        private Reader(Path file, byte[] bytes) {
            this.file = file;
            this.bytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        }

        private SentencePieceModel model() {
            while (bytes.hasRemaining()) {
                long tag = varint();
                switch ((int) tag) {
                    case 1 << 3 | LENGTH -> piece(message());
                    case 2 << 3 | LENGTH -> {
                        described = true;
                        trainer(message());
                    }
                    case 3 << 3 | LENGTH -> normalizer(message());
                    default -> skip(tag);
                }
            }
            if (pieces.isEmpty()) {
                throw wrong("it holds no pieces");
            }
            if (!described) {
                throw wrong("it ends after piece " + (pieces.size() - 1) + ", without a word on how they were made (trainer_spec): it is cut short");
            }
            return new SentencePieceModel(List.copyOf(pieces), unigram, charsmap, dummyPrefix, trimsBlanks);
        }

        private void piece(int end) {
            String text = "";
            float score = 0;
            long type = 1;
            while (bytes.position() < end) {
                long tag = varint();
                switch ((int) tag) {
                    case 1 << 3 | LENGTH -> text = text(message());
                    case 2 << 3 | FIXED32 -> {
                        need(4);
                        score = bytes.getFloat();
                    }
                    case 3 << 3 | VARINT -> type = varint();
                    default -> skip(tag);
                }
            }
            if (type < 1 || type >= TYPES.length) {
                throw wrong("piece " + pieces.size() + " has the unknown type " + type);
            }
            pieces.add(new Piece(text, score, TYPES[(int) type]));
        }

        private void trainer(int end) {
            while (bytes.position() < end) {
                long tag = varint();
                if (tag == (3 << 3 | VARINT)) {
                    unigram = varint() == 1;
                } else {
                    skip(tag);
                }
            }
        }

        private void normalizer(int end) {
            while (bytes.position() < end) {
                long tag = varint();
                switch ((int) tag) {
                    case 2 << 3 | LENGTH -> {
                        charsmap = new byte[message() - bytes.position()];
                        bytes.get(charsmap);
                    }
                    case 3 << 3 | VARINT -> dummyPrefix = varint() != 0;
                    case 4 << 3 | VARINT -> trimsBlanks = varint() != 0;
                    default -> skip(tag);
                }
            }
        }

        /** The end of a length-delimited field that begins here. */
        private int message() {
            long length = varint();
            if (length < 0 || length > bytes.remaining()) {
                throw wrong("a field of " + length + " bytes does not fit into the remaining " + bytes.remaining());
            }
            return bytes.position() + (int) length;
        }

        private String text(int end) {
            ByteBuffer utf8 = bytes.slice(bytes.position(), end - bytes.position());
            bytes.position(end);
            try {
                return StandardCharsets.UTF_8.newDecoder().decode(utf8).toString();
            } catch (CharacterCodingException e) {
                throw wrong("piece " + pieces.size() + " is not UTF-8");
            }
        }

        private long varint() {
            long value = 0;
            for (int shift = 0; shift < 64; shift += 7) {
                need(1);
                byte b = bytes.get();
                value |= (long) (b & 0x7F) << shift;
                if (b >= 0) {
                    return value;
                }
            }
            throw wrong("a number is longer than 64 bits");
        }

        private void skip(long tag) {
            int length = switch ((int) (tag & 7)) {
                case VARINT -> {
                    varint();
                    yield 0;
                }
                case FIXED64 -> 8;
                case LENGTH -> message() - bytes.position();
                case FIXED32 -> 4;
                default -> throw wrong("it is no SentencePiece model (wire type " + (tag & 7) + ")");
            };
            need(length);
            bytes.position(bytes.position() + length);
        }

        private void need(int count) {
            if (bytes.remaining() < count) {
                throw wrong("it ends in the middle of a field");
            }
        }

        private MalformedFile wrong(String defect) {
            return new MalformedFile(file, bytes.position(), defect, "Take tokenizer.model from the base model again");
        }
    }
}
