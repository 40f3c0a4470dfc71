import os

from flask import Flask, request

app = Flask(__name__)


def run(command):
    os.system("é" + command)


@app.route("/")
def index():
    run(request.args["c"])
    return "done"
