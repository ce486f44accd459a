package dev.adapterferry.chat;

/** A compiled piece of a template that has a value. */
@FunctionalInterface
interface Expression {
    Object value(Scope scope);
}
