"""Requests as bytes, for what no HTTP library would send."""

import socket


def connect(address, timeout=20):
    return socket.create_connection(address, timeout=timeout)


def read_response(connection):
    """One answer: (status, headers, body); status None when the peer closed without one."""
    buffer = b""
    while b"\r\n\r\n" not in buffer:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            return None, {}, buffer
        buffer += data
    head, _, body = buffer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    while len(body) < length:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            break
        body += data
    return int(lines[0].split(" ")[1]), headers, body


def closed(connection):
    """Whether the peer has closed, reading away what it still sent."""
    try:
        while True:
            if not connection.recv(65536):
                return True
    except ConnectionResetError:
        return True
    except (TimeoutError, socket.timeout):
        return False


def exchange(address, data, timeout=20):
    """Sends bytes on a fresh connection and reads one answer."""
    with connect(address, timeout) as connection:
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_response(connection)
