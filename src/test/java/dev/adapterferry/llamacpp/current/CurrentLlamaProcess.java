package dev.adapterferry.llamacpp.current;

import java.io.BufferedOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.file.Path;

/** The process that holds the library: takes requests on standard input and answers on standard output until its parent closes the former. */
final class CurrentLlamaProcess {
    private CurrentLlamaProcess() { }

    public static void main(String[] arguments) throws IOException, ClassNotFoundException {
        ObjectOutputStream answers = new ObjectOutputStream(new BufferedOutputStream(System.out));
        answers.flush();
        CurrentLibrary library = new CurrentLibrary(Path.of(arguments[0]));
        ObjectInputStream requests = new ObjectInputStream(System.in);
        while (true) {
            Object answer;
            try {
                answer = ((CurrentRequest) requests.readObject()).answer(library);
            } catch (EOFException e) {
                return;
            } catch (IllegalStateException e) {
                answer = e;
            }
            answers.writeObject(answer);
            answers.reset();
            answers.flush();
        }
    }
}
